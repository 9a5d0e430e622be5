# CMD with one modality is MoCo v2.
_base_ = '../cmd/cmd_bigru_bandai2_xstyle.py'
model = dict(modalities=('joint',))
