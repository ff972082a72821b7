#!/usr/bin/python3
"""Opens N watches of ConfigMaps and counts events for some seconds.

watchers.py URL TOKEN N SECONDS prints "events ended".
"""
import asyncio
import ssl
import sys
import urllib.parse


async def watch(url, token, context, until, counts):
    loop = asyncio.get_running_loop()
    target = url.path + "/api/v1/namespaces/load/configmaps?watch=true&timeoutSeconds=3600"
    request = (
        f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nAccept: application/json\r\n\r\n"
    )
    while loop.time() < until:
        reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=context)
        writer.write(request.encode())
        try:
            while loop.time() < until:
                data = await asyncio.wait_for(reader.read(1 << 18), max(0.01, until - loop.time()))
                if not data:
                    counts["ended"] += 1
                    break
                counts["events"] += data.count(b'"type":"MODIFIED"')
        except asyncio.TimeoutError:
            pass
        writer.transport.abort()


async def main():
    url, token, watchers, seconds = sys.argv[1:5]
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    counts = {"events": 0, "ended": 0}
    until = asyncio.get_running_loop().time() + float(seconds)
    parsed = urllib.parse.urlparse(url)
    await asyncio.gather(*(watch(parsed, token, context, until, counts) for _ in range(int(watchers))))
    print(counts["events"], counts["ended"])


asyncio.run(main())
