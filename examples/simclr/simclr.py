_base_ = '{{$MMCMD_CONFIGS:../../configs}}/_base_/pretrain_cmd.py'
custom_imports = dict(imports=['mmcmd', 'simclr_model'])  # simclr_model.py lies beside this file

model = dict(
    type='SimCLR',
    modalities=('joint', 'motion', 'bone'),
    neck=dict(type='ProjectionNeck', out_channels=128),
    temperature=0.1,
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
train_cfg = dict(max_epochs=450, val_interval=50)
param_scheduler = [dict(type='MultiStepLR', milestones=[350], gamma=0.1, by_epoch=True)]
