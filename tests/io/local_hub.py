"""A hub on this machine that keeps models in folders, for the real client of `huggingface_hub`.

It answers the few requests of `create_repo`, `upload_folder` and `snapshot_download`.
"""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = 'hf_of_the_test'
COMMIT = '1' * 40


class Handler(BaseHTTPRequestHandler):
    """Serve and change the folders of `server.root`."""

    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('content-length') or 0))
        if self.headers.get('authorization') != f'Bearer {TOKEN}':
            return self.answer({'error': 'no token'}, 401)
        if self.path == '/api/repos/create':
            repo = '{organization}/{name}'.format(**json.loads(body))
            (self.server.root / repo).mkdir(parents=True, exist_ok=True)
            return self.answer({'url': f'{self.server.address}/{repo}', 'name': repo})
        if self.path == '/api/validate-yaml':
            return self.answer({'errors': [], 'warnings': []})
        repo, action = re.fullmatch(r'/api/models/(.+)/(preupload|commit)/main', self.path).groups()
        if action == 'preupload':
            kept = {'uploadMode': 'regular', 'shouldIgnore': False}
            files = [{'path': x['path'], **kept} for x in json.loads(body)['files']]
            return self.answer({'files': files})
        for line in map(json.loads, body.splitlines()):
            if line['key'] == 'file':
                content = base64.b64decode(line['value']['content'])
                (self.server.root / repo / line['value']['path']).write_bytes(content)
        url = f'{self.server.address}/{repo}/commit/{COMMIT}'
        return self.answer({'commitUrl': url, 'commitOid': COMMIT, 'success': True})

    def do_GET(self):
        if found := re.fullmatch(r'/api/models/([^/]+/[^/]+)/revision/main', self.path):
            folder = self.server.root / found[1]
            if not folder.is_dir():
                return self.answer({'error': 'not found'}, 404, {'x-error-code': 'RepoNotFound'})
            files = [{'rfilename': x.name} for x in folder.iterdir()]
            return self.answer({'id': found[1], 'sha': COMMIT, 'siblings': files})
        if found := re.fullmatch(r'/api/models/([^/]+/[^/]+)/tree/\w+(\?.*)?', self.path):
            files = sorted((self.server.root / found[1]).iterdir())
            entries = [('file', x.name, x.stat().st_size) for x in files]
            keys = 'type', 'path', 'size'
            return self.answer(
                [{**dict(zip(keys, x, strict=True)), 'oid': '0' * 40} for x in entries]
            )
        if found := re.fullmatch(r'/([^/]+/[^/]+)/resolve/\w+/([^/]+)', self.path):
            content = (self.server.root / found[1] / found[2]).read_bytes()
            etag = hashlib.sha1(content).hexdigest()
            return self.send(content, 200, {'etag': f'"{etag}"', 'x-repo-commit': COMMIT})
        return self.answer({'error': 'not found'}, 404)

    do_HEAD = do_GET

    def answer(self, value, status=200, headers=None):
        self.send(json.dumps(value).encode(), status, headers or {})

    def send(self, content, status, headers):
        self.server.requests.append((self.command, self.path))
        self.send_response(status)
        for name, value in {'content-length': len(content), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)

    def log_message(self, *args):
        """Print nothing."""


@contextmanager
def serve(root: Path):
    """Run a hub with the folders `USER/NAME` of `root` as models; `address` is its endpoint."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.root, server.requests = root, []
    server.address = f'http://127.0.0.1:{server.server_port}'
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
