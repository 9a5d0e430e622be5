"""Steps of the Slurm drill: trainings on two ranks that are cancelled and preempted."""

from kill_and_resume import differences, read, write_data
from preemption import options
from slurm_cluster import ClusterError
from slurm_steps import ROOT, Steps

CONFIG = 'configs/cmd/cmd_bigru_ntu60_xsub.py'
EPOCHS = 80
CHANGES = (
    f'train_cfg.max_epochs={EPOCHS}',
    'train_cfg.val_interval=20',
    'default_hooks.checkpoint.interval=20',
)


class Trainings(Steps):
    """Pre-trainings that ``tools/slurm_train.sh`` runs as batch jobs."""

    def cancel(self) -> str:
        """Run two trainings at the same time, cancel one of them, and return its job."""
        write_data(self.folder / 'few.pkl')
        whole, cancelled = self.submit('whole'), self.submit('cancelled')
        self.train('cancelled', cancelled)
        self.call('scancel', cancelled)
        seconds = self.wait_for_state(cancelled, 'CANCELLED')
        if not (self.folder / 'cancelled' / 'preempted.pth').exists():
            raise ClusterError('the cancelled training has not saved')
        self.say(f'saved, and cancelled after {seconds:.1f} s')
        self.wait_for_state(whole, 'COMPLETED')
        self.say('the training beside it has ended')
        return cancelled

    def preempt(self, cancelled: str) -> None:
        """Stop a training twice, and compare it with the uninterrupted one."""
        job = self.submit('stopped')
        self.train('stopped', job)
        self.call('scancel', '--batch', '--signal=USR1', job)
        self.see_requeued(job, 'SIGUSR1', 1)
        self.train('stopped', job)
        log, everything = f'--output={self.log("urgent")}', f'--gres=gpu:{self.cluster.gpus}'
        self.call('sbatch', '--partition=urgent', everything, log, '--wrap', 'sleep 1')
        self.see_requeued(job, 'SIGTERM', 2)
        self.wait_for_state(job, 'COMPLETED', 2)
        if self.output('stopped').count('resumed epoch: ') != 2:
            raise ClusterError('the training began anew instead of going on')
        for name in (f'epoch_{EPOCHS}.pth', 'results.json'):
            first, second = (read(self.folder / x / name) for x in ('whole', 'stopped'))
            if found := [*differences(first, second, name)]:
                raise ClusterError(f'{len(found)} values differ, among them {found[:3]}')
        self.say(
            'the training in three lives and the whole one are equal bit for bit: results and '
            f'epoch_{EPOCHS}.pth (weights, momentum encoders, queues, optimiser, schedulers)'
        )
        if self.cluster.job(cancelled)['JobState'] != 'CANCELLED':
            raise ClusterError('the cancelled job has come back')

    def submit(self, name: str) -> str:
        """Submit a pre-training on two ranks and return its job."""
        self.cluster.environment |= {'GPUS': '2', 'CPUS_PER_TASK': '1'}
        command = ['sbatch', '--partition=gpu', '--nodes=1', '--gres=gpu:2', '--ntasks=2']
        command += ['tools/slurm_train.sh', 'gpu', name, CONFIG]
        self.say(f'$ GPUS=2 CPUS_PER_TASK=1 {" ".join(command)} ...')
        command[1:1] = ['--parsable', f'--output={self.log(name)}']
        changes = [*options(self.folder / 'few.pkl', 'cmd', 1), *CHANGES]
        command += ['--verbose', '--work-dir', str(self.folder / name)]
        command += ['--cfg-options', *changes]
        return self.cluster.call(*command, cwd=ROOT)

    def train(self, name: str, job: str) -> None:
        """Wait until a job has trained two more epochs."""

        def trained() -> int:
            return self.output(name).count('Epoch(train)')

        before, what = trained(), f'two more epochs of {name}'
        self.wait(job, lambda: trained() >= before + 2, what, 'COMPLETED', 'CANCELLED')

    def see_requeued(self, job: str, name: str, restarts: int) -> None:
        """Wait until a job is in the queue again, and check that it has saved after the signal."""
        seconds = self.wait_for_state(job, 'PENDING', restarts)
        if f'stopped by {name}' not in self.output('stopped'):
            raise ClusterError(f'the training was not stopped by {name}')
        self.say(f'saved on {name}, and in the queue again after {seconds:.1f} s')
