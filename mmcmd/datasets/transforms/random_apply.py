"""Apply transforms with a probability."""

from collections.abc import Callable, Sequence

from mmcv.transforms import BaseTransform, Compose

from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomApply(BaseTransform):
    """Apply all transforms or none of them, with a probability.

    The draw comes from the sample's own generator. mmcv's transform of the same name draws from the
    global generator, and the state of that one depends on the worker.

    Required key: ``rng``, and what the transforms require.

    Args:
        transforms (dict | Sequence[dict]): One transform, or several that are applied in order.
        prob (float): Probability that they are applied. Defaults to 0.5.

    Raises:
        InputError: If ``prob`` is not between 0 and 1.
    """

    def __init__(
        self,
        transforms: dict | Callable | Sequence[dict | Callable],
        prob: float = 0.5,
    ) -> None:
        if not 0 <= prob <= 1:
            raise InputError(f'prob={prob} of RandomApply must be between 0 and 1; correct it')
        if not isinstance(transforms, Sequence):
            transforms = [transforms]
        built = [TRANSFORMS.build(x) if isinstance(x, dict) else x for x in transforms]
        self.transforms = Compose(built)
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Apply the transforms, or return the sample as it is."""
        if results['rng'].random() < self.prob:
            return self.transforms(results)
        return results
