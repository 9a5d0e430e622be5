# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_nwucla_xsub.py'
model = dict(pretrained='random')
