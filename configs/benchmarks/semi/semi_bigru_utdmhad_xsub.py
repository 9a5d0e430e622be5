# 1, 5, 10 or 20 % of the labels: train_dataloader.dataset.subset.percent
_base_ = '../finetune/finetune_bigru_utdmhad_xsub.py'
train_dataloader = dict(dataset=dict(subset=dict(percent=1)))
train_cfg = dict(max_epochs=80, val_interval=20)
param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1, by_epoch=True)]
