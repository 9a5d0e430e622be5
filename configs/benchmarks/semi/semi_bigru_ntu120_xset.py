# 1, 5, 10 or 20 % of the labels: train_dataloader.dataset.subset.percent
_base_ = '../finetune/finetune_bigru_ntu120_xset.py'
train_dataloader = dict(dataset=dict(subset=dict(percent=1)))
