from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.functional import neighbour_kl
from mmcmd.registry import MODELS


@MODELS.register_module()
class SimilarityHead(BaseModule):
    """KL divergence between the similarities of a teacher and a student to a queue (PCM3).

    Args:
        teacher_temperature (float): Temperature of the teacher. Defaults to 0.05.
        student_temperature (float): Temperature of the student. Defaults to 0.1.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If a temperature is not positive.
    """

    def __init__(
        self,
        teacher_temperature: float = 0.05,
        student_temperature: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if teacher_temperature <= 0 or student_temperature <= 0:
            raise InputError(
                'SimilarityHead needs positive temperatures, but got '
                f'teacher_temperature={teacher_temperature}, '
                f'student_temperature={student_temperature}'
            )
        self.temperatures = teacher_temperature, student_temperature

    def forward(self, teacher: Tensor, student: Tensor) -> Tensor:
        """Compute the divergence of each sample, and average over the batch.

        Args:
            teacher (Tensor): Similarities of keys to the queue, shape (N, Q), without gradient.
            student (Tensor): Similarities of the queries of the same samples to the queue, shape
                (N, Q).

        Returns:
            Tensor: The loss, shape ().
        """
        return neighbour_kl(teacher, student, *self.temperatures)
