"""Run the application on a local port."""

import errno
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log

from mmcmd.errors import InputError, not_a_file
from mmcmd.terminal import NOTICE


def serve(
    checkpoint: str,
    gallery: Path,
    host: str = '127.0.0.1',
    port: int = 8000,
    upload_limit: int = 20_000_000,
    names: Sequence[str] = (),
    **options: object,
) -> None:
    """Serve the page until the process is interrupted.

    Args:
        checkpoint (str): Checkpoint of a training.
        gallery (Path): Annotation pickle of the motions to search in.
        host (str): Address to bind to. Defaults to 127.0.0.1, which only this machine can reach.
        port (int): Port. 0 means any free port. Defaults to 8000.
        upload_limit (int): Largest size of a file in bytes. Defaults to 20 MB.
        names (Sequence[str]): Further host names of the server, such as the name of a proxy.
        **options: Further arguments of :class:`mmcmd.serving.loading.Loader`.

    Raises:
        InputError: If the extra ``page`` is not installed, a file is missing, the port is in use,
            or the checkpoint and the gallery do not fit.
    """
    try:
        import multipart  # noqa: F401  FastAPI needs it for uploads
        import uvicorn

        from mmcmd.io.hub import is_hub_id
        from mmcmd.serving.app import create_app
        from mmcmd.serving.loading import Loader
    except ModuleNotFoundError as error:
        if (error.name or '').startswith('mmcmd'):
            raise
        raise InputError(
            f"the page needs {error.name}; install it with: pip install 'mmcmd[page]'"
        ) from None
    if not Path(gallery).is_file():
        raise InputError(not_a_file(gallery, 'gallery'))
    if not is_hub_id(str(checkpoint)) and not Path(checkpoint).expanduser().exists():
        raise InputError(not_a_file(checkpoint, 'checkpoint'))
    with _bind(host, port) as listening:
        port = listening.getsockname()[1]
        loader = Loader(checkpoint, gallery, **options)
        app = create_app(loader, upload_limit, host, names)
        # The limits count requests by the real address, not by a header that a client may write.
        config = uvicorn.Config(
            app, log_level='warning', timeout_keep_alive=30, proxy_headers=False
        )
        server = uvicorn.Server(config)

        def end() -> None:
            server.should_exit = True

        thread = loader.start(end, leave_cores)
        name = f'[{host}]' if ':' in host else host
        print_log(
            f'open http://{name}:{port} in a browser; Ctrl-C ends the server', 'current', NOTICE
        )
        if host not in ('127.0.0.1', '::1', 'localhost'):
            print_log(
                f'other machines may be able to reach {host} and upload files', 'current', NOTICE
            )
        server.run(sockets=[listening])
        if loader.state == 'failed':
            thread.join()
            raise InputError(loader.message)
    if loader.state == 'loading':
        os._exit(0)  # the thread that loads cannot be stopped


def leave_cores() -> None:
    """Use half of the threads for the answers.

    The browser draws at the same time, often on the same machine. If a forward pass has as many
    threads as there are cores, each of its operations waits for the thread whose core is busy.
    """
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // 2))


def _bind(host: str, port: int) -> socket.socket:
    """Bind a socket, before the work of loading starts.

    Raises:
        InputError: If the port is in use or may not be used, or there is no such address.
    """
    if not 0 <= port < 1 << 16:
        raise InputError(f'--port must lie between 0 and 65535, got {port}')
    listening = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # clients that connect before the server runs have to wait
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f'port {port} is in use, perhaps by another server; choose another one with --port'
            ) from None
        raise InputError(
            f'the server cannot use {host}:{port}: {error.strerror or error}'
        ) from None
    return listening
