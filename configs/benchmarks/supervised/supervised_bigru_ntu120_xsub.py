# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_ntu120_xsub.py'
model = dict(pretrained='random')
