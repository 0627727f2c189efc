import asyncio

import pytest

from carnet.testing.bad_network import BadNetwork


async def _echo_server() -> asyncio.Server:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            writer.write(data)
        writer.close()

    return await asyncio.start_server(echo, "127.0.0.1", 0)


async def test_forwards_both_ways() -> None:
    server = await _echo_server()
    async with server, BadNetwork(server.sockets[0].getsockname()[1]) as net:
        reader, writer = await asyncio.open_connection("127.0.0.1", net.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()
    assert (net.connections, net.cuts) == (1, 0)


async def test_cuts_after_the_chosen_byte() -> None:
    server = await _echo_server()
    async with server, BadNetwork(server.sockets[0].getsockname()[1]) as net:
        net.next_cut = lambda: 3
        reader, writer = await asyncio.open_connection("127.0.0.1", net.port)
        writer.write(b"hello")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(5)
        writer.close()
    assert net.cuts == 1


async def test_pause_holds_bytes_back() -> None:
    server = await _echo_server()
    async with server, BadNetwork(server.sockets[0].getsockname()[1]) as net:
        reader, writer = await asyncio.open_connection("127.0.0.1", net.port)
        net.pause()
        writer.write(b"hello")
        reading = asyncio.create_task(reader.readexactly(5))
        await asyncio.wait([reading], timeout=0.05)
        assert not reading.done()
        net.resume()
        assert await reading == b"hello"
        writer.close()


async def test_a_line_that_is_down_refuses_new_connections() -> None:
    server = await _echo_server()
    async with server, BadNetwork(server.sockets[0].getsockname()[1]) as net:
        net.down = True
        reader, writer = await asyncio.open_connection("127.0.0.1", net.port)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
        writer.close()
