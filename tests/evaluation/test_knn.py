import pickle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.precision import PRECISIONS
from mmcmd.errors import InputError
from mmcmd.evaluation import KNNMetric, knn, knn_predict, knn_predict_streams


def unit(count, seed, dims=3):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, dims, generator=generator), dim=1)


def brute_force(queries, gallery, labels, k):
    """Predict by k nearest neighbours in plain code: most votes; the nearest decides a tie."""
    predictions = []
    for query in queries.double():
        cosines = [(query @ entry).item() for entry in gallery.double()]
        nearest = sorted(range(len(gallery)), key=lambda i: -cosines[i])[:k]
        votes = [labels[i].item() for i in nearest]
        most = max(votes.count(label) for label in votes)
        predictions.append(next(label for label in votes if votes.count(label) == most))
    return predictions


@pytest.mark.parametrize('k', [1, 2, 3, 5, 20])
@pytest.mark.parametrize('block', [(1, 1), (7, 3), (30, 20), (512, 1024)])
def test_prediction_is_brute_force(k, block):
    queries, gallery = unit(30, seed=0), unit(20, seed=1)
    labels = torch.randint(4, (20,), generator=torch.Generator().manual_seed(2))
    found = knn_predict(queries, gallery, labels, k, block)
    assert found.tolist() == brute_force(queries, gallery, labels, k)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('autocast', [False, True])
def test_wide_features_of_any_type_are_multiplied_exactly(dtype, autocast):
    common = 3 * unit(1, seed=2, dims=512)  # so that all have similar distances
    queries, gallery = (
        F.normalize(unit(60, seed, dims=512).to(dtype) + common, dim=1) for seed in (0, 1)
    )
    labels = torch.arange(60)
    expected = brute_force(queries, gallery, labels, k=1)
    rough = (queries.bfloat16() @ gallery.bfloat16().T).argmax(dim=1)
    assert rough.tolist() != expected, 'the data must tell exact products from others'
    with torch.autocast('cpu', enabled=autocast):
        assert knn_predict(queries, gallery, labels).tolist() == expected


@pytest.mark.parametrize('k', [1, 5])
def test_predictions_of_any_device_are_those_of_a_cpu(device, k):
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(7, 256, generator=generator)
    labels = torch.randint(7, (3000,), generator=generator)
    gallery = F.normalize(centres[labels] + torch.randn(3000, 256, generator=generator), dim=1)
    # Each query is near one entry, so rounding cannot change its nearest neighbour.
    noise = 0.05 * torch.randn(500, 256, generator=generator)
    queries = F.normalize(gallery[:500] + noise, dim=1)
    labels[:500] = torch.arange(500)
    streams = [{'joint': x, 'bone': x.flip(1)} for x in (queries, gallery)]
    expected = knn_predict_streams(*streams, labels, k)
    with PRECISIONS['tf32'].rounding():
        found = knn_predict_streams(*streams, labels, k, knn.GPU_BLOCK, device)
    assert {name: x.tolist() for name, x in found.items()} == {
        name: x.tolist() for name, x in expected.items()
    }
    assert k > 1 or expected['joint'].tolist() == [*range(500)]


vectors = st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=1, max_size=9)


@settings(max_examples=200, deadline=None)
@given(vectors, vectors, st.tuples(st.integers(1, 10), st.integers(1, 10)))
def test_first_of_equally_near_entries_counts(queries, gallery, block):
    queries, gallery = torch.tensor(queries).float(), torch.tensor(gallery).float()
    labels = torch.arange(len(gallery))  # products of small integers are exact, and often equal
    found = knn_predict(queries, gallery, labels, block=block)
    assert found.tolist() == brute_force(queries, gallery, labels, k=1)


@pytest.mark.parametrize('k', [1, 4])
def test_streams_are_brute_force_alone_and_together(k):
    names = 'joint', 'motion', 'bone'
    queries = {name: unit(30, seed) for seed, name in enumerate(names)}
    gallery = {name: unit(20, seed + 9) for seed, name in enumerate(names)}
    labels = torch.randint(4, (20,), generator=torch.Generator().manual_seed(2))
    found = knn_predict_streams(queries, gallery, labels, k, block=(7, 6))
    assert list(found) == [*names, '3s']
    queries['3s'], gallery['3s'] = (torch.cat([*x.values()], dim=1) for x in (queries, gallery))
    for stream, predicted in found.items():
        expected = brute_force(queries[stream], gallery[stream], labels, k)
        assert predicted.tolist() == expected, stream


def test_tie_goes_to_the_class_of_the_nearest():
    gallery = F.normalize(torch.tensor([[1.0, 0.1], [1, 0.2], [1, 0.3], [1, 0.4]]), dim=1)
    query = torch.tensor([[1.0, 0.0]])
    assert knn_predict(query, gallery, torch.tensor([3, 1, 1, 3]), k=4).tolist() == [3]
    assert knn_predict(query, gallery, torch.tensor([0, 1, 1, 3]), k=4).tolist() == [1]
    assert knn_predict(query, gallery, torch.tensor([5, 1, 2, 3]), k=4).tolist() == [5]


@pytest.mark.parametrize('k', [0, 21])
def test_impossible_k_is_told(k):
    with pytest.raises(InputError, match=f'k={k} .*gallery of 20'):
        knn_predict(unit(3, 0), unit(20, 1), torch.zeros(20, dtype=torch.long), k)


@pytest.mark.parametrize('k', [1, 3])
def test_of_no_queries_there_are_no_classes(k):
    labels = torch.arange(5)
    assert knn_predict(torch.empty(0, 3), unit(5, 0), labels, k).shape == (0,)
    both = {name: unit(5, 0) for name in ('joint', 'bone')}
    none = {name: x[:0] for name, x in both.items()}
    found = knn_predict_streams(none, both, labels, k)
    assert {name: x.tolist() for name, x in found.items()} == {'joint': [], 'bone': [], '2s': []}


def test_results_of_a_sample_are_pickled_without_those_of_its_batch():
    metric = KNNMetric()
    feats = torch.randn(64, 100)
    metric.process(
        {}, [{'feats': {'joint': x}, 'gt_labels': {'item': torch.tensor([1])}} for x in feats]
    )
    assert len(pickle.dumps(metric.results)) < 1.5 * feats.nbytes


def evaluate(queries, gallery, query_labels, gallery_labels, k=1):
    metric = KNNMetric(k=k)

    def process(feats, labels):
        samples = [
            {'feats': {name: x[n] for name, x in feats.items()}, 'gt_labels': {'item': label[None]}}
            for n, label in enumerate(labels)
        ]
        metric.process({}, samples)

    process(gallery, gallery_labels)
    metric.keep_as_gallery(len(gallery_labels))
    process(queries, query_labels)
    return metric.evaluate(len(query_labels))


@pytest.mark.parametrize('names', [('joint', 'motion', 'bone'), ('bone', 'joint')])
@pytest.mark.parametrize('k', [1, 3])
def test_metric_names_and_values(names, k):
    scale = {'joint': 1.0, 'motion': 100.0, 'bone': 0.01}  # cosines do not depend on the scale
    queries = {name: scale[name] * unit(30, seed) for seed, name in enumerate(names)}
    gallery = {name: scale[name] * unit(20, seed + 9) for seed, name in enumerate(names)}
    generator = torch.Generator().manual_seed(2)
    query_labels = torch.randint(3, (30,), generator=generator)
    gallery_labels = torch.randint(3, (20,), generator=generator)

    def accuracy(own, other):
        predicted = brute_force(own, other, gallery_labels, k)
        return sum(p == t for p, t in zip(predicted, query_labels.tolist(), strict=True)) / 30

    def normalised(feats, name):
        return feats[name] / feats[name].norm(dim=1, keepdim=True)

    expected = {
        f'knn/{name}_top1': accuracy(normalised(queries, name), normalised(gallery, name))
        for name in names[1:]
    }
    expected['knn/top1'] = accuracy(normalised(queries, names[0]), normalised(gallery, names[0]))
    both = [torch.cat([normalised(x, name) for name in names], 1) for x in (queries, gallery)]
    expected[f'knn/{len(names)}s_top1'] = accuracy(*both)
    found = evaluate(queries, gallery, query_labels, gallery_labels, k)
    assert found == pytest.approx(expected)
    assert len(set(found.values())) > 1, 'the streams must differ for the names to be tested'


def test_one_modality_has_no_average():
    feats, labels = {'motion': unit(5, 0)}, torch.arange(5)
    assert evaluate(feats, feats, labels, labels) == {'knn/top1': 1.0}


def read_switches():
    """Return the precision of float32 products in each switch of torch."""
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cuda.matmul.fp32_precision,
    )


@pytest.fixture(params=['off', 'tf32_hook', 'medium'])
def switches(request):
    """Allow less exact float32 products during the test, and return the switches."""
    if request.param == 'tf32_hook':
        torch.backends.cuda.matmul.allow_tf32 = True
    elif request.param == 'medium':
        torch.set_float32_matmul_precision('medium')
    yield read_switches()
    torch.set_float32_matmul_precision('highest')


def see_precisions(monkeypatch):
    """Return a list that collects the precision of each product on a GPU."""
    seen, nearest = [], knn.nearest_entries
    switch = torch.backends.cuda.matmul
    monkeypatch.setattr(
        knn, 'nearest_entries', lambda *args: seen.append(switch.fp32_precision) or nearest(*args)
    )
    return seen


def test_metric_multiplies_exactly_whatever_the_training_may(switches, monkeypatch):
    seen = see_precisions(monkeypatch)
    feats, labels = {'joint': unit(5, 0)}, torch.arange(5)
    assert evaluate(feats, feats, labels, labels) == {'knn/top1': 1.0}
    assert seen == ['ieee']
    assert read_switches() == switches


def test_later_switch_of_torch_is_respected(monkeypatch):
    switch = torch.backends.cuda.matmul
    seen, before = see_precisions(monkeypatch), switch.fp32_precision
    switch.fp32_precision = 'tf32'  # after this, the old switches raise an error when they are read
    try:
        assert knn_predict(unit(5, 0), unit(5, 0), torch.arange(5)).tolist() == [*range(5)]
        assert seen == ['ieee']
        assert switch.fp32_precision == 'tf32'
    finally:
        switch.fp32_precision = before
    assert torch.get_float32_matmul_precision() == 'highest'
