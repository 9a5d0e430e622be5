# For small data: a small queue, keys that follow faster.
_base_ = './cmd.py'

model = dict(head=dict(queue_size=1024), distill_head=dict(topk=512), momentum=0.01)
