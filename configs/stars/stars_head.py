# The first of two stages: 20 epochs of the head alone. The second is stars.py with
# --cfg-options load_from=CHECKPOINT of this one, whose queue it goes on with.
_base_ = './stars.py'

optim_wrapper = dict(paramwise_cfg=dict(layer_decay=1.0, trained_share=0.0))
train_cfg = dict(max_epochs=20)
