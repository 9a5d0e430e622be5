from math import prod
from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.masking import BodyPartMask
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.models.temporal_tasks import first_frames
from mmcmd.registry import MODELS
from mmcmd.structures import get_valid_frames


@MODELS.register_module()
class LongTGAN(BasePretrainer):
    """LongT GAN (AAAI 2018): reconstruct masked body parts, trained with a discriminator.

    The released program (TensorFlow 1) no longer runs. This class follows the equations of the
    paper. It was not compared with the authors' code.

    The decoder gets the feature of a whole sequence, and a copy of the sequence in which the masked
    body parts are zero from the second frame on. The encoder and the decoder learn to reconstruct
    the sequence. The decoder alone also learns to get a high score from a discriminator, which is
    that of a Wasserstein GAN with clipped weights.

    Args:
        decoder (dict, optional): Defaults to an :class:`InpaintingDecoder`.
        discriminator (dict, optional): Defaults to a :class:`SequenceDiscriminator`.
        mask_ratio (float): Fraction of the body parts that are masked. Their number is rounded
            down. Defaults to 0.6.
        adversarial_weight (float): w, the weight of the adversarial term. Defaults to 0.1.
        weight_clip (float): The weights of the discriminator are clipped to [-weight_clip,
            weight_clip]. Defaults to 0.01.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`. ``pooling`` defaults to :class:`FrameReadout`. The
            size of a feature must be the number of values of a frame.

    Raises:
        InputError: If the layout has no body parts, ``weight_clip`` is not positive, or a feature
            has not the size of a frame.
    """

    views: ClassVar[tuple[str, ...]] = ('view',)

    def __init__(
        self,
        decoder: dict | None = None,
        discriminator: dict | None = None,
        mask_ratio: float = 0.6,
        adversarial_weight: float = 0.1,
        weight_clip: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{'pooling': {'type': 'FrameReadout'}, **kwargs})
        if weight_clip <= 0:
            raise InputError(f'weight_clip={weight_clip} of LongTGAN must be positive; correct it')
        BodyPartMask(self.layout, ratio=mask_ratio)  # raises if the layout or the ratio is invalid
        self.mask_ratio = mask_ratio
        self.adversarial_weight = adversarial_weight
        self.weight_clip = weight_clip
        decoder = {'type': 'InpaintingDecoder', **(decoder or {})}
        discriminator = {'type': 'SequenceDiscriminator', **(discriminator or {})}
        self.decoders, self.discriminators = ModuleDict(), ModuleDict()
        for name, encoder in self.encoders.items():
            width = prod(encoder.frame_shape)
            if encoder.feature_size() != width:
                raise InputError(
                    f'a feature of LongTGAN must be as wide as a frame ({width}), but stream '
                    f'{name!r} has {encoder.feature_size()}; set model.pooling.type=FrameReadout'
                )
            self.decoders[name] = MODELS.build({**decoder, 'in_channels': width})
            self.discriminators[name] = MODELS.build({**discriminator, 'in_channels': width})

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step.

        Args:
            inputs (Tensor): One view, shape (N, 1, M, T, V, C).
            data_samples (list[ActionDataSample], optional): They hold the numbers of valid frames.
                Without these, all frames are valid.

        Returns:
            dict[str, Tensor]: For each stream ``loss_{stream}`` (reconstruction, trains encoder and
            decoder), ``loss_adversarial_{stream}`` (trains the decoder alone) and
            ``loss_discriminator_{stream}`` (trains the discriminator alone).
        """
        joints, valid = inputs[:, 0], get_valid_frames(data_samples, inputs.device)
        if valid is None:
            valid = torch.full((len(joints), 1), joints.shape[2], device=joints.device)
        masking = BodyPartMask(self.layout, joints.shape[2], self.mask_ratio)
        kept = masking.kept(masking.draw(self.generator, joints.shape[2]), joints.shape[2])
        return self.losses_of(joints, valid[:, 0], kept.to(joints.device, non_blocking=True))

    def losses_of(self, joints: Tensor, valid: Tensor, kept: Tensor) -> dict[str, Tensor]:
        """Compute the losses with a given mask.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).
            valid (Tensor): Numbers of valid frames, shape (N,).
            kept (Tensor): False where a joint is masked, shape (T, V). The first frame is never
                masked.

        Returns:
            dict[str, Tensor]: See :meth:`loss`.
        """
        self._clip_weights()
        kept = kept[:, :, None].clone()
        kept[0] = True
        real = first_frames(joints.shape[2], valid)[:, :, None]
        losses = {}
        for name, encoder in self.encoders.items():
            target = encoder.modality(joints)
            feature = encoder(joints, valid)
            frames, masked = (x.permute(0, 2, 3, 4, 1).flatten(2) for x in (target, target * kept))
            # One pass of the decoder computes both: with a gradient to the encoder, and without.
            features = torch.cat([feature, feature.detach()])
            filled = self.decoders[name](features, masked.repeat(2, 1, 1))
            repeated, fake = (filled * real.repeat(2, 1, 1)).chunk(2)

            error = (repeated - frames).float().square().sum(dim=2)
            losses[f'loss_{name}'] = ((error * real[:, :, 0]).sum(dim=1) / valid).mean()
            discriminator = self.discriminators[name]
            scores = discriminator(fake.detach(), valid) - discriminator(frames, valid)
            losses[f'loss_discriminator_{name}'] = scores.float().mean()
            discriminator.requires_grad_(False)  # the next term trains the decoder alone
            fooled = -discriminator(fake, valid).float().mean()
            discriminator.requires_grad_(True)
            losses[f'loss_adversarial_{name}'] = self.adversarial_weight * fooled
        return losses

    def train_step(
        self, data: dict, optim_wrapper: OptimWrapper | OptimWrapperDict
    ) -> dict[str, Tensor]:
        """Take one optimisation step.

        Args:
            data (dict): A batch.
            optim_wrapper (OptimWrapper | OptimWrapperDict): One optimiser for all parameters, or
                two with the names ``generator`` and ``discriminator``. Each loss term trains the
                parameters of only one of the two. All gradients are those at the weights before the
                step.

        Returns:
            dict[str, Tensor]: The losses for the log.
        """
        if not isinstance(optim_wrapper, OptimWrapperDict):
            return super().train_step(data, optim_wrapper)
        generator, discriminator = optim_wrapper['generator'], optim_wrapper['discriminator']
        with generator.optim_context(self):
            batch = self.data_preprocessor(data, True)
            losses = self(**batch, mode='loss')
        _, logged = self.parse_losses(losses)
        critics = {x: y for x, y in losses.items() if x.startswith('loss_discriminator')}
        generator.update_params(sum(y for x, y in losses.items() if x not in critics))
        discriminator.update_params(sum(critics.values()))
        return logged

    @torch.no_grad()
    def _clip_weights(self) -> None:
        """Clip the weights of the discriminators to their range."""
        for weight in self.discriminators.parameters():
            weight.clamp_(-self.weight_clip, self.weight_clip)
