# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_utdmhad_xsub.py'
model = dict(pretrained='random')
