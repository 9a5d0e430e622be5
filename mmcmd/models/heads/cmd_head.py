from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.functional import neighbour_kl
from mmcmd.registry import MODELS


@MODELS.register_module()
class CMDHead(BaseModule):
    """Cross-modal mutual distillation over a list of (teacher, student) pairs (Sec. 3.3, Eq. 4).

    The anchors of a pair are the nearest neighbours of the teacher's key in the teacher's queue.
    The student is compared at the *same indices* of its own queue. All queues hold the same samples
    at the same positions. Teacher and student are therefore compared with the same samples.

    Args:
        topk (int): Number of neighbours, K. Defaults to 8192.
        teacher_temperature (float): tau_t. Defaults to 0.05.
        student_temperature (float): tau_s. Defaults to 0.1.
        loss_weight (float): Weight of the sum over pairs. Defaults to 1.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If ``topk`` is below 1, or a temperature is not positive.
    """

    def __init__(
        self,
        topk: int = 8192,
        teacher_temperature: float = 0.05,
        student_temperature: float = 0.1,
        loss_weight: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if topk < 1 or teacher_temperature <= 0 or student_temperature <= 0:
            raise InputError(
                'CMDHead needs topk >= 1 and positive temperatures, but got '
                f'topk={topk}, teacher_temperature={teacher_temperature}, '
                f'student_temperature={student_temperature}'
            )
        self.topk = topk
        self.teacher_temperature = teacher_temperature
        self.student_temperature = student_temperature
        self.loss_weight = loss_weight

    def forward(
        self,
        teachers: Mapping[str, Tensor],
        students: Mapping[str, Tensor],
        pairs: Sequence[tuple[str, str]],
    ) -> Tensor:
        """Compute the weighted sum of the KL divergences of all pairs.

        Args:
            teachers (Mapping[str, Tensor]): Maps each stream to the similarities of its *keys* to
                its queue, shape (N, Q), without gradient.
            students (Mapping[str, Tensor]): Maps each stream to the similarities of its *queries*
                to its queue, shape (N, Q).
            pairs (Sequence[tuple[str, str]]): Pairs (teacher, student) of streams.

        Returns:
            Tensor: The loss, shape ().
        """
        neighbours = {
            name: teachers[name].topk(self.topk, dim=1, sorted=False) for name in dict(pairs)
        }
        divergence = sum(
            neighbour_kl(
                neighbours[teacher].values,
                students[student].gather(1, neighbours[teacher].indices),
                self.teacher_temperature,
                self.student_temperature,
            )
            for teacher, student in pairs
        )
        return self.loss_weight * divergence
