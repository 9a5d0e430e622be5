from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.io.files import replace_file
from mmcmd.registry import HOOKS


@HOOKS.register_module()
class SubsetHook(Hook):
    """Save which samples of the training split were drawn, as ``subset.txt`` in the work dir.

    To use the same samples in another run, set ``train_dataloader.dataset.subset.file`` to this
    file. Without a subset nothing is written.
    """

    def before_train(self, runner: Runner) -> None:
        """Write the names of the drawn samples."""
        dataset = runner.train_dataloader.dataset
        names = getattr(dataset, 'subset_names', None)
        if names is not None and runner.rank == 0:
            options = ', '.join(f'{key}={value}' for key, value in dataset.subset.items())
            lines = [f'# {len(names)} samples of {dataset.ann_file} {dataset.split}: {options}']
            with replace_file(Path(runner.work_dir) / 'subset.txt') as file:
                file.write('\n'.join([*lines, *names, '']).encode())
