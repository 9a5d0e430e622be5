# Linear evaluation of MS2L: Adam with lr 0.001, divided by 10 after 30 of 60 epochs, clipped at 10.
# The gradients of each stream are clipped alone, so that streams share nothing.
_base_ = './linear.py'

model = dict(head=dict(init_cfg=dict(type='Xavier', layer='Linear', distribution='normal', bias=0)))
train_dataloader = dict(batch_size=256)
optim_wrapper = dict(
    constructor='GroupClipConstructor',
    paramwise_cfg=dict(clip_by='stream'),
    optimizer=dict(_delete_=True, type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=10),
)
train_cfg = dict(max_epochs=60)
param_scheduler = [dict(type='StepLR', step_size=30, gamma=0.1, by_epoch=True)]
