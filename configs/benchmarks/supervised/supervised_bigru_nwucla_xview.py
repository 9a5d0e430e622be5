# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_nwucla_xview.py'
model = dict(pretrained='random')
