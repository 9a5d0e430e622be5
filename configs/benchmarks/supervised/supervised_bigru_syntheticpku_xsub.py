# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_syntheticpku_xsub.py'
model = dict(pretrained='random')
