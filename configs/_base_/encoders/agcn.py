# 2s-AGCN (https://arxiv.org/abs/1805.07694), the graph encoder of ISC.
backbone = dict(type='AGCN', base_channels=64)
