"""Steps of the Slurm drill: a table of two runs. Its driver is killed and started again."""

import subprocess

from kill_and_resume import write_data
from slurm_cluster import ClusterError
from slurm_steps import WAIT, Steps


class Table(Steps):
    """Runs that ``tools/reproduce.py`` submits."""

    def reproduce(self) -> None:
        """Run a table, kill its driver while both runs are running, and start it again."""
        write_data(self.folder / 'many.pkl', 80)  # more than a batch of the small budget
        before = len(self.jobs())
        driver = self.drive()
        self.cluster.wait(
            lambda: driver.poll() is not None or len(self.gpus()) == 2, WAIT, 'two runs'
        )
        gpus = self.gpus()
        if len(set(gpus)) != 2:
            raise ClusterError(f'two runs side by side have the GPUs {gpus}')
        self.say(f'two runs side by side on the GPUs {" and ".join(sorted(gpus))}')
        driver.kill()
        driver.wait()
        self.say('$ kill -KILL (the driver)')
        if status := self.drive().wait(WAIT):
            raise ClusterError(f'the driver ended with status {status}')
        if (jobs := len(self.jobs()) - before) != 2:
            raise ClusterError(f'{jobs} jobs were submitted for two runs')
        self.say('the table is there, with two jobs in all:')
        table = next(self.folder.glob('gpu/*/table2.md')).read_text()
        print(*(x for x in table.splitlines() if x.startswith(('| MoCo', '| CMD'))), sep='\n')

    def refuse(self) -> None:
        """Use a partition that does not exist, and show the message for the user."""
        try:
            self.call('sbatch', '--partition=none', 'tools/slurm_train.sh', 'none', 'x', 'y.py')
        except ClusterError as error:
            self.say(str(error))
        else:
            raise ClusterError('sbatch takes a partition that does not exist')
        status = self.drive('none').wait(WAIT)
        last = self.output('table-none').splitlines()[-1]
        self.say(last)
        if status != 2 or 'nvalid partition' not in last:
            raise ClusterError(f'the driver ended with status {status}')

    def drive(self, partition: str = 'gpu') -> subprocess.Popen:
        """Start the driver of a table."""
        command = ['tools/reproduce.py', 'table2', '--data', 'synthetic', '--slurm']
        command += [f'partition={partition}', 'cpus-per-task=1', 'time=10']
        self.say(f'$ python {" ".join(command)} ...')
        command += ['--ann-file', self.folder / 'many.pkl', '--out', self.folder / partition]
        return self.start(f'table-{partition}', *command)

    def jobs(self) -> list[str]:
        """List all jobs that Slurm still knows."""
        found = self.cluster.call('scontrol', '--oneliner', '--details', 'show', 'job')
        return [line for line in found.splitlines() if line.startswith('JobId=')]

    def gpus(self) -> list[str]:
        """List the GPUs of the running jobs."""
        running = [line for line in self.jobs() if ' JobState=RUNNING ' in line]
        return [line.split('(IDX:')[1].split(')')[0] for line in running if '(IDX:' in line]
