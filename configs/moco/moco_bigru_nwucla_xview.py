# CMD with one modality is MoCo v2.
_base_ = '../cmd/cmd_bigru_nwucla_xview.py'
model = dict(modalities=('joint',))
