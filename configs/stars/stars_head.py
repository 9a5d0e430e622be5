# The first of two stages of STARS: 20 epochs of the head alone. The second stage is stars.py with
# --cfg-options load_from=CHECKPOINT. It continues with the weights and the queue of this stage.
_base_ = './stars.py'

optim_wrapper = dict(paramwise_cfg=dict(layer_decay=1.0, trained_share=0.0))
train_cfg = dict(max_epochs=20)
