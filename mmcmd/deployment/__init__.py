"""Encoders as files that run without this package: ONNX or torch.export; see docs/export.md."""

from mmcmd.deployment.export import FORMATS, Exported, export_checkpoint
from mmcmd.deployment.exportable import OUTPUTS

__all__ = ['FORMATS', 'OUTPUTS', 'Exported', 'export_checkpoint']
