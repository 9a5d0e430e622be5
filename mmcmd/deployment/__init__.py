"""Export encoders to ONNX or torch.export, to run without this package; see docs/export.md."""

from mmcmd.deployment.export import FORMATS, Exported, export_checkpoint
from mmcmd.deployment.exportable import OUTPUTS

__all__ = ['FORMATS', 'OUTPUTS', 'Exported', 'export_checkpoint']
