# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_synthetic_xsub.py'
model = dict(pretrained='random')
