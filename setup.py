import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
MIM = ('configs', 'tools', 'model-index.yml')


class BuildWithMim(build_py):
    # `mim` looks for configs and tools in the installed package, in mmcmd/.mim. They are copied
    # into the build folder: nothing is left in the source tree, and an editable install has none.
    def run(self):
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, 'mmcmd', '.mim')
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for source in (HERE / name for name in MIM):
            if source.is_dir():
                ignore = shutil.ignore_patterns('__pycache__', '.*')
                shutil.copytree(source, target / source.name, ignore=ignore)
            else:
                shutil.copy2(source, target)


about = {}
exec((HERE / 'mmcmd' / 'version.py').read_text(), about)

setup(
    name='mmcmd',
    version=about['__version__'],
    description='Self-supervised 3D skeleton action representation learning on OpenMMLab: '
    'CMD (ECCV 2022) and its protocols',
    long_description=(HERE / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    packages=find_packages(include=['mmcmd', 'mmcmd.*']),
    package_data={
        'mmcmd.skeletons': ['*.json'],
        'mmcmd.serving': ['static/*', 'static/js/*', 'static/vendor/*'],
    },
    cmdclass={'build_py': BuildWithMim},
    python_requires='>=3.10',
    install_requires=[
        'filelock>=3.24',  # its locks notice that their file was removed
        'mmaction2>=1.1.0,<1.2.0',  # the wheel of 1.2.0 cannot be imported (mmaction2#2714)
        'mmengine>=0.10.4',
        'numpy>=1.25',
        'pyyaml',
        'rich',
        'safetensors>=0.4',
        'scipy',
        'tensorboard',
        'torch>=2.4',
    ],
    extras_require={
        # mmaction2 needs mmcv or mmcv-lite, and the two conflict: take `lite` where there is none.
        'lite': ['mmcv-lite>=2.0.0,<2.1.0'],
        'analysis': ['matplotlib', 'scikit-learn'],
        # For configs/baselines. sktime needs numba for MiniRocket, and says which in an extra only.
        'baselines': ['dtaidistance>=2.4', 'numba<0.68', 'scikit-learn', 'sktime>=1.2'],
        'retrieval': ['faiss-cpu>=1.9'],  # approximate search in millions of motions
        'hub': ['huggingface_hub>=2,<3'],  # upload and download of published encoders
        'cluster': ['submitit>=1.5.1,<1.6'],  # Slurm jobs of tools/reproduce.py
        'export': ['onnx>=1.17', 'onnxruntime>=1.20'],  # tools/deployment/export.py
        'page': ['fastapi>=0.115', 'python-multipart', 'scikit-learn', 'uvicorn'],  # tools/serve.py
        'tests': [
            *('hypothesis', 'matplotlib', 'pytest', 'pytest-xdist', 'scikit-learn'),
            'dtaidistance>=2.4',
            'pybvh>=0.9,<0.10',  # kinematics to compare with
        ],
        'tests-web': ['httpx2', 'playwright'],  # make test-web
        'lint': ['pre-commit', 'ruff'],
        'docs': ['furo', 'myst-nb>=1.4', 'myst-parser>=5', 'sphinx>=9', 'sphinx-copybutton'],
    },
    classifiers=[
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
)
