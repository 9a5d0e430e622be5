# mmcmd on a CPU, in the environment that the tests run in:
#   docker build -f docker/cpu.Dockerfile -t mmcmd .
#   docker run --rm -v "$PWD:/data" mmcmd quickstart
# `mmcmd train` in the container also needs `--shm-size 2g`: its workers use shared memory.
# The container runs as user 1000, who must be allowed to write to $PWD. See docs/running.md.
FROM python:3.11-slim-bookworm

# mmcv installs OpenCV, which needs these two libraries.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/mmcmd
COPY requirements.txt .
# The torch of PyPI for Linux would also install CUDA, which has some gigabytes.
RUN pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && rm -rf build

RUN useradd --create-home mmcmd && mkdir /data && chown mmcmd /data
USER mmcmd
WORKDIR /data
ENTRYPOINT ["mmcmd"]
