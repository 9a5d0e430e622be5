# Linear evaluation of MS2L: 60 epochs of Adam with lr 0.001, which is divided by 10 after epoch 30.
# Gradients are clipped at 10, separately for each stream, so that the streams are independent.
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
