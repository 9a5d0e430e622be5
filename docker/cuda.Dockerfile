# mmcmd on NVIDIA GPUs. The machine needs only the driver and the container toolkit of NVIDIA: torch
# from PyPI contains the libraries of CUDA.
#   docker build -f docker/cuda.Dockerfile -t mmcmd:cuda .
#   docker run --rm --gpus all --shm-size 8g -v "$PWD:/data" mmcmd:cuda train CONFIG
# The container runs as user 1000, who must be allowed to write to $PWD. See docs/running.md.
FROM python:3.11-slim-bookworm

# mmcv installs OpenCV, which needs the first two libraries. Triton compiles kernels with gcc.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/mmcmd
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && rm -rf build

RUN useradd --create-home mmcmd && mkdir /data && chown mmcmd /data
USER mmcmd
WORKDIR /data
ENTRYPOINT ["mmcmd"]
