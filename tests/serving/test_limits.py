"""The server refuses some requests before it processes them."""

import pytest

pytest.importorskip('fastapi')

from mmcmd.errors import InputError
from mmcmd.serving.limits import Buckets


def test_a_body_over_the_limit_is_refused(make_client):
    client = make_client(upload_limit=20_000)
    files = {'file': ('x.npy', b'0' * 40_000)}
    answer = client.post('/api/motions', files=files)
    assert answer.status_code == 413
    assert answer.json()['detail'] == 'the file is larger than 0.02 MB'


def test_a_body_in_parts_that_grows_over_the_limit_is_refused(make_client):
    client = make_client(upload_limit=20_000)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.npy"\r\n\r\n'
    parts = iter([head, *[b'0' * 10_000] * 10, b'\r\n--b--\r\n'])
    headers = {'content-type': 'multipart/form-data; boundary=b'}
    assert client.post('/api/motions', content=parts, headers=headers).status_code == 413


def test_too_many_files_must_wait(make_client, npy):
    client = make_client(uploads_per_minute=2)
    statuses = [
        client.post('/api/motions', files={'file': ('x.npy', b'no array')}).status_code
        for _ in range(3)
    ]
    assert statuses == [422, 422, 429]
    assert client.get('/api/status').status_code == 200


def test_an_allowance_fills_up_again():
    buckets = Buckets(per_minute=60)
    assert [buckets.take('a', now=0.0) for _ in range(60)] == [0] * 60
    assert buckets.take('a', now=0.0) == 1
    assert buckets.take('b', now=0.0) == 0, 'another client'
    assert buckets.take('a', now=1.5) == 0
    assert buckets.take('a', now=1.5) == 1


@pytest.mark.parametrize(
    ('headers', 'status'),
    [
        ({'origin': 'https://example.com'}, 403),
        ({'origin': 'http://127.0.0.1'}, 200),
        ({'host': 'example.com'}, 400),
        ({'host': 'localhost'}, 200),
    ],
)
def test_other_sites_and_names_are_refused(client, headers, status):
    assert client.get('/api/status', headers=headers).status_code == status


def test_the_name_of_a_proxy_is_accepted_if_it_is_given(make_client):
    client, headers = make_client(hosts=['motions.example.org']), {'host': 'motions.example.org'}
    assert client.get('/api/status', headers=headers).status_code == 200


@pytest.mark.parametrize('name', ['http://motions.example.org', 'example.org:443', '*', ''])
def test_a_name_that_is_no_host_name_is_refused(make_client, name):
    with pytest.raises(InputError, match='must be only a host name'):
        make_client(hosts=[name])
