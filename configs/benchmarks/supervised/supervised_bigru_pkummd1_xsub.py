# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_pkummd1_xsub.py'
model = dict(pretrained='random')
