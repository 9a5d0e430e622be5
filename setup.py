import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
MIM = ('configs', 'tools', 'model-index.yml')
# Address of the source, for links in the description. Each publisher has another address:
# MMCMD_REPOSITORY=https://github.com/NAME/mmcmd make package
REPOSITORY = os.environ.get('MMCMD_REPOSITORY', '').rstrip('/')


class BuildWithMim(build_py):
    # `mim` and the command `mmcmd` look for configs and tools in the folder mmcmd/.mim of the
    # installed package. They are copied into the build folder, so the source tree gets no copy. An
    # editable install uses the source tree.
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


def description():
    # An index page shows README.md without the files beside it. Links to them become absolute, or
    # plain text if the address of the source is not known.
    text = (HERE / 'README.md').read_text(encoding='utf-8')
    relative = r'(?!https?:|mailto:|#)([^)\s"]+)'
    if REPOSITORY:
        text = re.sub(rf'(!\[[^\]]*\]\(){relative}', rf'\1{REPOSITORY}/raw/HEAD/\2', text)
        text = re.sub(rf'(\]\(){relative}', rf'\1{REPOSITORY}/blob/HEAD/\2', text)
        return re.sub(rf'((?:src|srcset)="){relative}', rf'\1{REPOSITORY}/raw/HEAD/\2', text)
    text = re.sub(r'<picture>.*?</picture>', '', text, flags=re.DOTALL)
    text = re.sub(rf'<img\b[^>]*\bsrc="{relative}[^>]*>', '', text)
    text = re.sub(rf'!\[[^\]]*\]\({relative}\)', '', text)
    return re.sub(rf'\[([^\]]*)\]\({relative}\)', r'\1', text)


def project_urls():
    urls = {'Paper': 'https://arxiv.org/abs/2208.12448'}
    if REPOSITORY:
        urls |= {
            'Source': REPOSITORY,
            'Documentation': f'{REPOSITORY}/tree/HEAD/docs',
            'Changes': f'{REPOSITORY}/blob/HEAD/CHANGELOG.md',
            'Issues': f'{REPOSITORY}/issues',
        }
    return urls


about = {}
exec((HERE / 'mmcmd' / 'version.py').read_text(), about)

setup(
    name='mmcmd',
    version=about['__version__'],
    description='Self-supervised 3D skeleton action representation learning on OpenMMLab: '
    'CMD (ECCV 2022) and its protocols',
    long_description=description(),
    long_description_content_type='text/markdown',
    author='The mmcmd authors',
    project_urls=project_urls(),
    keywords='skeleton action-recognition self-supervised-learning contrastive motion-retrieval',
    license='Apache-2.0',
    license_files=['LICENSE'],
    packages=find_packages(include=['mmcmd', 'mmcmd.*']),
    package_data={
        'mmcmd': ['py.typed'],
        'mmcmd.quickstart': ['encoder/*'],
        'mmcmd.skeletons': ['*.json'],
        'mmcmd.serving': ['static/*', 'static/js/*', 'static/vendor/*'],
    },
    cmdclass={'build_py': BuildWithMim},
    entry_points={'console_scripts': ['mmcmd = mmcmd.__main__:main']},
    python_requires='>=3.10',
    install_requires=[
        'filelock>=3.24',  # its locks detect that their file was removed
        'matplotlib',
        'mmaction2>=1.1.0,<1.2.0',  # the wheel of 1.2.0 cannot be imported (mmaction2#2714)
        'mmengine>=0.10.4',
        'numpy>=1.25',
        'pyyaml',
        'rich',
        'safetensors>=0.4',
        'scipy',
        'tensorboard',
        'torch>=2.9',  # the oldest version that was tested; 2.4 cannot load some checkpoints
    ],
    extras_require={
        # mmaction2 needs mmcv or mmcv-lite, but not both. Use `lite` if neither is installed.
        'lite': ['mmcv-lite>=2.0.0,<2.1.0'],
        'analysis': ['matplotlib', 'scikit-learn'],
        # For configs/baselines. The MiniRocket of sktime needs numba, but does not install it.
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
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Typing :: Typed',
    ],
)
