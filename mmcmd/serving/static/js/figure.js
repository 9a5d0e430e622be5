// A skeleton in 3D: a sphere for each joint, a cylinder for each bone.
import * as THREE from '../vendor/three.module.min.js';

const SIDES = { left: '#d9772b', right: '#2f7fd0', middle: '#7d8794' };
const SECOND_PERSON = { left: '#b9568f', right: '#2f9a78', middle: '#9a9484' };
const UP = new THREE.Vector3(0, 1, 0);
const SPHERE = new THREE.SphereGeometry(1, 8, 6); // few corners, because there may be no GPU
const CYLINDER = new THREE.CylinderGeometry(1, 1, 1, 6, 1, true);
const MATERIAL = new THREE.MeshLambertMaterial();

function sideOf(name) {
  const words = name.toLowerCase().split('_');
  if (words.includes('left')) return 'left';
  return words.includes('right') ? 'right' : 'middle';
}

export class Figure extends THREE.Group {
  // frames: { shape: [M, T, V, 3], data }, layout: { joints, parents }
  constructor(frames, layout) {
    super();
    this.frames = frames;
    this.persons = presentPersons(frames);
    for (const person of this.persons) fillGaps(frames, person);
    const persons = this.persons.length, joints = frames.shape[2];
    this.bones = layout.parents.map((parent, joint) => [parent, joint]).filter(([a, b]) => a !== b);
    this.box = boundsOf(frames);
    this.radius = Math.max(this.box.getSize(new THREE.Vector3()).length() / 2, 1e-6);
    const thickness = boneLength(frames, this.bones) * 0.16;
    this.spheres = new THREE.InstancedMesh(SPHERE, MATERIAL, persons * joints);
    this.cylinders = new THREE.InstancedMesh(CYLINDER, MATERIAL, persons * this.bones.length);
    this.sizes = { joint: thickness * 1.25, bone: thickness * 0.75 };
    for (let person = 0; person < persons; person += 1) { // in the order of `this.persons`
      const colours = person ? SECOND_PERSON : SIDES;
      layout.joints.forEach((name, joint) => {
        this.spheres.setColorAt(person * joints + joint, new THREE.Color(colours[sideOf(name)]));
      });
      this.bones.forEach(([, joint], index) => {
        const colour = new THREE.Color(colours[sideOf(layout.joints[joint])]);
        this.cylinders.setColorAt(person * this.bones.length + index, colour);
      });
    }
    for (const mesh of [this.spheres, this.cylinders]) {
      mesh.frustumCulled = false;
      this.add(mesh);
    }
  }

  get length() { return this.frames.shape[1]; }

  // Move to a position in frames, which may lie between two frames.
  pose(position) {
    const [, length, joints] = this.frames.shape;
    const first = Math.min(Math.floor(position), length - 1);
    const share = Math.min(Math.max(position - first, 0), 1);
    const second = Math.min(first + 1, length - 1);
    const points = [];
    this.persons.forEach((row, person) => {
      for (let joint = 0; joint < joints; joint += 1) {
        const point = this.#between(row, first, second, joint, share);
        points.push(point);
        MATRIX.makeScale(...Array(3).fill(point ? this.sizes.joint : 0));
        if (point) MATRIX.setPosition(point);
        this.spheres.setMatrixAt(person * joints + joint, MATRIX);
      }
      this.bones.forEach(([a, b], index) => {
        const from = points[person * joints + a], to = points[person * joints + b];
        MATRIX.makeScale(0, 0, 0);
        if (from && to) {
          ALONG.subVectors(to, from);
          const size = ALONG.length();
          if (size > 0) {
            TURN.setFromUnitVectors(UP, ALONG.divideScalar(size));
            MIDDLE.addVectors(from, to).multiplyScalar(0.5);
            MATRIX.compose(MIDDLE, TURN, SCALE.set(this.sizes.bone, size, this.sizes.bone));
          }
        }
        this.cylinders.setMatrixAt(person * this.bones.length + index, MATRIX);
      });
    });
    this.spheres.instanceMatrix.needsUpdate = true;
    this.cylinders.instanceMatrix.needsUpdate = true;
  }

  #between(person, first, second, joint, share) {
    const [, length, joints] = this.frames.shape, data = this.frames.data;
    const at = (frame) => ((person * length + frame) * joints + joint) * 3;
    const a = at(first), b = at(second);
    if (Number.isNaN(data[a])) return null;
    const until = Number.isNaN(data[b]) ? 0 : share;
    return new THREE.Vector3(
      data[a] + (data[b] - data[a]) * until,
      data[a + 1] + (data[b + 1] - data[a + 1]) * until,
      data[a + 2] + (data[b + 2] - data[a + 2]) * until,
    );
  }

  dispose() {
    this.spheres.dispose();
    this.cylinders.dispose();
  }
}

const MATRIX = new THREE.Matrix4(), TURN = new THREE.Quaternion();
const ALONG = new THREE.Vector3(), MIDDLE = new THREE.Vector3(), SCALE = new THREE.Vector3();

function presentPersons({ shape: [persons, length, joints], data }) {
  const size = length * joints * 3, rows = [];
  for (let person = 0; person < persons; person += 1) {
    const values = data.subarray(person * size, (person + 1) * size);
    if (values.some((value) => !Number.isNaN(value))) rows.push(person);
  }
  return rows.length ? rows : [0];
}

// If the sensor loses a body for a moment, repeat its last pose until it is seen again.
function fillGaps({ shape: [, length, joints], data }, person) {
  const size = joints * 3, seen = [];
  const at = (frame) => (person * length + frame) * size;
  for (let frame = 0; frame < length; frame += 1) {
    if (data.subarray(at(frame), at(frame) + size).some((value) => !Number.isNaN(value))) seen.push(frame);
  }
  seen.forEach((frame, index) => {
    for (let gap = frame + 1; gap < (seen[index + 1] ?? 0); gap += 1) {
      data.copyWithin(at(gap), at(frame), at(frame) + size);
    }
  });
}

function boundsOf({ data }) {
  const box = new THREE.Box3(), point = new THREE.Vector3();
  for (let index = 0; index < data.length; index += 3) {
    if (!Number.isNaN(data[index])) box.expandByPoint(point.fromArray(data, index));
  }
  if (box.isEmpty()) box.setFromCenterAndSize(point.set(0, 0, 0), new THREE.Vector3(1, 1, 1));
  return box;
}

// The mean length of the bones. Each is measured in the first frame that has both of its ends.
function boneLength({ shape: [, length, joints], data }, bones) {
  let sum = 0, count = 0;
  for (const [a, b] of bones) {
    for (let frame = 0; frame < length; frame += 1) {
      const from = (frame * joints + a) * 3, to = (frame * joints + b) * 3;
      const size = Math.hypot(...[0, 1, 2].map((axis) => data[to + axis] - data[from + axis]));
      if (Number.isNaN(size)) continue;
      sum += size;
      count += 1;
      break;
    }
  }
  return count && sum > 0 ? sum / count : 0.1;
}
