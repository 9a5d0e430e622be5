# CMD with one modality is MoCo v2.
_base_ = '../cmd/cmd_bigru_pkummd1_xsub.py'
model = dict(modalities=('joint',))
