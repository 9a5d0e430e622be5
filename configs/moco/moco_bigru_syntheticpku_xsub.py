# CMD with one modality is MoCo v2.
_base_ = '../cmd/cmd_bigru_syntheticpku_xsub.py'
model = dict(modalities=('joint',))
