from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.necks.graph_pooling import mean_over_steps
from mmcmd.registry import MODELS


@MODELS.register_module()
class PersonPooling(BaseModule):
    """Average a map over time and joints, then add or join the features of the persons (SLiM).

    The map of :class:`RotaryTransformer` is 0 for absent persons. So is what this module adds.

    Args:
        join (bool): Join the features of the persons. Defaults to False: they are added.
        num_person (int): Persons of a clip, M. Defaults to 2.
        init_cfg (dict, optional): Initialisation, as in mmengine.
    """

    def __init__(
        self, join: bool = False, num_person: int = 2, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.join = join
        self.num_person = num_person

    def forward(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Pool a map.

        Args:
            feature_map (Tensor): Shape (N, M, D, T, V).
            steps (Tensor, optional): How many steps of time are averaged, shape (N,); all by
                default.

        Returns:
            Tensor: Shape (N, D), or person by person (N, M D).

        Raises:
            InputError: If there are more or fewer persons.
        """
        persons = feature_map.shape[1]
        if persons != self.num_person:
            raise InputError(
                f'PersonPooling takes clips of {self.num_person} persons, but got {persons}; set '
                'data.num_person'
            )
        joints = feature_map.mean(dim=4)  # (N, M, D, T)
        if steps is None:
            pooled = joints.mean(dim=3)
        else:
            every = steps.repeat_interleave(persons)
            pooled = mean_over_steps(joints.flatten(0, 1), every).unflatten(0, (-1, persons))
        return pooled.flatten(1) if self.join else pooled.sum(dim=1)
