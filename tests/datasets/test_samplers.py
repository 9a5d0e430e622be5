from mmcmd.datasets import EpochSampler


def test_keys_are_seed_epoch_and_every_index_once():
    sampler = EpochSampler(list(range(10)), shuffle=True, seed=7)
    orders = []
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert {key[:2] for key in keys} == {(7, epoch)}
        orders.append([index for *_, index in keys])
        assert sorted(orders[-1]) == list(range(10))
    assert orders[0] != orders[1]


def test_order_is_a_function_of_seed_and_epoch():
    def keys(seed):
        sampler = EpochSampler(list(range(10)), shuffle=True, seed=seed)
        sampler.set_epoch(3)
        return list(sampler)

    assert keys(7) == keys(7)
    assert keys(7) != keys(8)
