# AAGCN (https://arxiv.org/abs/1912.06971) of mmaction2.
backbone = dict(type='AAGCN', graph_cfg=dict(mode='spatial'))
