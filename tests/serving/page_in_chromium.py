"""Test the page in a real Chromium: `make test-web`. Without Chromium, the tests are skipped.

If the variable SCREENSHOTS names a folder, pictures of the steps are kept there.
"""

import io
import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
uvicorn = pytest.importorskip('uvicorn')

NAMES = 'chromium', 'chromium-browser', 'google-chrome'
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f'none of {", ".join(NAMES)} is installed')


@pytest.fixture(scope='module')
def address(catalogue_loader):
    from mmcmd.serving.app import create_app
    from mmcmd.serving.server import _bind

    listening = _bind('127.0.0.1', 0)
    app = create_app(catalogue_loader)
    server = uvicorn.Server(uvicorn.Config(app, log_level='warning'))
    catalogue_loader.reader.warm_up()
    thread = threading.Thread(target=server.run, kwargs={'sockets': [listening]}, daemon=True)
    thread.start()
    yield f'http://127.0.0.1:{listening.getsockname()[1]}'
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope='module')
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()


@pytest.fixture(params=[(1400, 900), (390, 800)], ids=['desktop', 'phone'])
def size(request):
    return request.param


@pytest.fixture
def page(browser, address, size):
    page = browser.new_page(viewport={'width': size[0], 'height': size[1]})
    page.hosts, page.faults = set(), []
    page.on('request', lambda x: page.hosts.add(x.url.split('/')[2]))
    page.on('pageerror', lambda x: page.faults.append(str(x)))
    page.on(
        'console', lambda x: page.faults.append(x.text) if 'Content Security' in x.text else None
    )
    page.goto(address)
    page.wait_for_selector('html[data-query=g0]')
    yield page
    keep(page, f'end_{time.time()}')
    assert not page.faults
    assert page.hosts == {address.split('/')[2]}, 'no request to another host'
    page.close()


def keep(page, name):
    if folder := os.environ.get('SCREENSHOTS'):
        page.screenshot(path=Path(folder) / f'{name}.png', full_page=True)


def shown(page):
    return page.locator('.panel.query .foot span').inner_text()


def frame(page):
    return int(page.locator('#clock').inner_text().split()[1])


def test_a_sample_and_its_neighbours_are_drawn_and_move(page):
    assert page.locator('.panel').count() == 9
    assert shown(page) == 'sample00'
    page.wait_for_selector('#play[aria-pressed=true]')
    before, drawn = frame(page), page.evaluate('stage.drawn')
    page.wait_for_selector(f'#clock:not(:has-text("frame {before} /"))')
    assert page.evaluate('stage.drawn') > drawn
    colours = page.evaluate("""() => {
        stage.draw(0.5, 5, true);
        const gl = stage.renderer.getContext(), found = new Set();
        const width = gl.drawingBufferWidth, height = gl.drawingBufferHeight;
        const data = new Uint8Array(width * height * 4);
        gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
        for (let i = 0; i < data.length; i += 4) if (data[i + 3]) found.add(data[i] >> 5);
        return found.size;
    }""")
    assert colours > 2, 'bones of several colours'


def test_keys_pause_step_and_change_the_stream(page):
    page.wait_for_selector('#play[aria-pressed=true]')
    page.keyboard.press('Space')
    page.wait_for_selector('#play[aria-pressed=false]')
    page.wait_for_timeout(1000)  # time for a slow machine to draw the last picture
    before = frame(page)
    page.wait_for_timeout(500)
    assert frame(page) == before
    length = int(page.locator('#clock').inner_text().split()[3])
    step, after = ('ArrowLeft', before - 1) if before == length else ('ArrowRight', before + 1)
    page.keyboard.press(step)
    page.wait_for_selector(f'#clock:has-text("frame {after} / {length}")')
    page.keyboard.press('-')
    assert page.locator('#speed').input_value() == '0.5'
    page.keyboard.press('2')
    page.wait_for_selector('#streams [data-stream=motion][aria-checked=true]')
    page.keyboard.press('n')
    page.wait_for_selector('html[data-query=g1]')
    page.keyboard.press('?')
    assert page.locator('#help').is_visible()
    page.keyboard.press('Escape')
    page.keyboard.press('/')
    page.keyboard.type('sample07')
    page.wait_for_selector('#counted:text-is("1 motion")')


def test_a_dropped_file_finds_its_neighbours(page, catalogue_loader, npy):
    content = npy(catalogue_loader.catalogue.motions.get('g5').recording.keypoint)
    page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], 'dropped.npy'));
            window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
        }""",
        list(content),
    )
    page.wait_for_selector('html[data-query^=u]')
    assert shown(page) == 'dropped'
    assert page.locator('.panel').nth(1).locator('.foot span').inner_text() == 'the same'
    assert page.locator('.panel.other').count() == 0, 'no label, so no neighbour is wrong'
    keep(page, 'dropped')


def test_a_file_dropped_before_the_server_is_ready_is_read_afterwards(page, catalogue_loader, npy):
    asked = []

    def still_loading(route):
        asked.append(1)
        if len(asked) > 4:
            route.continue_()
        else:
            answer = route.fetch().json() | {'state': 'loading', 'message': 'encoding'}
            route.fulfill(json=answer)

    page.route('**/api/status*', still_loading)
    page.reload()
    page.wait_for_selector('#message:has-text("encoding")')
    content = npy(catalogue_loader.catalogue.motions.get('g5').recording.keypoint)
    page.set_input_files('#file', {'name': 'early.npy', 'mimeType': '', 'buffer': content})
    page.wait_for_selector('#message:has-text("early.npy will be read")')
    page.wait_for_selector('html[data-query^=u]')
    assert shown(page) == 'early'


def test_a_broken_file_is_told_in_a_sentence(page):
    page.set_input_files('#file', {'name': 'x.npy', 'mimeType': '', 'buffer': b'nothing'})
    page.wait_for_selector('#message.error')
    assert 'x.npy' in page.locator('#message').inner_text()
    assert shown(page) == 'sample00', 'the page goes on'
    keep(page, 'broken')


def test_a_click_on_the_map_plays_a_motion(page):
    page.wait_for_selector('html[data-map=fused]')
    place = page.evaluate("""async () => {
        const { points } = await (await fetch('api/map?stream=fused')).json();
        const box = document.getElementById('map').getBoundingClientRect();
        const { x, y, id } = points.find((point) => point.id === 'g11');
        return { x: 12 + x * (box.width - 24), y: 12 + (1 - y) * (box.height - 24) };
    }""")
    page.locator('#map').click(position=place)
    page.wait_for_selector('html[data-query=g11]')
    assert shown(page) == 'sample11'
    page.locator('#map').focus()
    page.keyboard.press(
        'ArrowLeft'
        if place['x'] > page.locator('#map').bounding_box()['width'] / 2
        else 'ArrowRight'
    )
    page.keyboard.press('Enter')
    page.wait_for_selector('html:not([data-query=g11])')


def test_the_map_names_its_colours(page):
    page.wait_for_selector('html[data-map=fused]')
    assert not page.locator('#map-legend').is_visible()
    page.locator('summary:has-text("Colours of the map")').click()
    counts = page.evaluate("""async () => {
        const { points } = await (await fetch('api/map?stream=fused')).json();
        return Object.values(Object.groupBy(points, ({ label }) => label)).map(
            (group) => `${group[0].class_name} (${group.length})`).sort();
    }""")
    assert len(counts) > 1
    assert sorted(page.locator('#map-legend li').all_inner_texts()) == counts
    colours = page.locator('#map-legend span').evaluate_all(
        'all => all.map((x) => getComputedStyle(x).backgroundColor)'
    )
    assert len(set(colours)) == len(counts)
    keep(page, 'map-legend')


def test_a_long_recording_has_a_time_line(page, catalogue_loader, npy):
    motions = [catalogue_loader.catalogue.motions.get(f'g{row}') for row in (8, 1, 13, 6)]
    content = npy(np.concatenate([x.recording.keypoint for x in motions] * 2, axis=1))
    page.set_input_files('#file', {'name': 'long.npy', 'mimeType': '', 'buffer': content})
    page.wait_for_selector('#timeline-note:has-text("A higher bar")')
    counts = [
        int(x.split('(')[-1][:-1]) for x in page.locator('#timeline-legend li').all_inner_texts()
    ]
    assert f'{sum(counts)} windows' in page.locator('#timeline-note').inner_text()
    first = page.locator('.panel.query').element_handle()
    box = page.locator('#timeline').bounding_box()
    page.locator('#timeline').click(position={'x': box['width'] * 0.6, 'y': 20})
    first.wait_for_element_state('hidden')
    keep(page, 'timeline')
    page.locator('.panel:not(.query) button:has-text("find")').first.click()
    page.wait_for_selector('#timeline-note:has-text("The places most similar to")')
    page.wait_for_function("document.querySelector('.panel.query').innerText.includes(' s')")
    assert page.locator('#timeline-legend li').count() == 0, 'colours mean no classes here'
    keep(page, 'gesture')
    assert page.locator('#timeline-name').inner_text() == 'long'
    page.click('#samples button[data-id=g13]')
    page.wait_for_selector('html[data-query=g13]')
    assert page.locator('#timeline').is_visible(), 'it stays while other motions are shown'
    page.locator('#samples li', has=page.locator('[data-id=g13]')).get_by_text('find').click()
    page.wait_for_selector('#timeline-note:has-text("The places most similar to sample13")')
    page.wait_for_selector('.panel.query:has-text("long")')
    part = shown(page)
    page.click('#samples button[data-id=g13]')
    page.wait_for_selector('html[data-query=g13]')
    page.locator('#samples li', has=page.locator('[data-id=g13]')).get_by_text('find').click()
    page.wait_for_selector('.panel.query:has-text("long")')
    assert shown(page) == part, 'the best place again'
    page.click('#timeline-all')
    page.wait_for_selector('#timeline-note:has-text("A higher bar")')
    page.wait_for_selector('#timeline-all', state='hidden')


def test_a_file_of_many_motions_says_what_the_page_keeps(page, npy):
    content = io.BytesIO()
    np.savez(content, **{f'm{row}': np.ones((2, 25, 3), np.float32) for row in range(53)})
    page.set_input_files(
        '#file', {'name': 'many.npz', 'mimeType': '', 'buffer': content.getvalue()}
    )
    page.wait_for_selector('#message:has-text("holds 53 motions. The page has kept the first 50.")')


def test_nothing_is_wider_than_the_screen(page, size):
    assert page.evaluate('document.documentElement.scrollWidth') <= size[0]
