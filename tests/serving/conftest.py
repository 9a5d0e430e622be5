import io

import numpy as np
import pytest


@pytest.fixture(scope='session')
def catalogue_loader(pretrained, tiny_pickle, tmp_path_factory):
    """Return a loader that has loaded the tiny checkpoint and the tiny pickle as its gallery."""
    for name in ('fastapi', 'httpx2', 'multipart'):
        pytest.importorskip(name)
    from mmcmd.serving.loading import Loader

    loader = Loader(pretrained / 'epoch_2.pth', tiny_pickle, tmp_path_factory.mktemp('cache'))
    loader.start().join()
    assert loader.state == 'ready', loader.message
    return loader


@pytest.fixture
def make_client(catalogue_loader):
    """Return a function: options of `create_app` -> a client of the application."""
    from fastapi.testclient import TestClient

    from mmcmd.serving.app import create_app

    def make(loader=catalogue_loader, base_url='http://127.0.0.1', **options):
        app = create_app(loader, **options)
        return TestClient(app, base_url=base_url, raise_server_exceptions=False)

    return make


@pytest.fixture
def client(make_client):
    """Return a client of the application with its usual limits."""
    return make_client()


@pytest.fixture
def npy():
    """Return a function: array -> content of an `.npy` file."""

    def make(array):
        buffer = io.BytesIO()
        np.save(buffer, array)
        return buffer.getvalue()

    return make
