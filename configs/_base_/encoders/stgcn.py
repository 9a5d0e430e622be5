# ST-GCN (https://arxiv.org/abs/1801.07455) of mmaction2.
backbone = dict(type='STGCN', graph_cfg=dict(mode='stgcn_spatial'))
