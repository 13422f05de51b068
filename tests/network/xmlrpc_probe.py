"""Run by other interpreters: what the library makes of recorded answers, as JSON.

Needs nothing but the standard library, the library itself and planbridge's adapter.
"""

from __future__ import annotations

import collections
import json
import sys
from pathlib import Path
from typing import Any
from xmlrpc.client import Transport, dumps

from wordpress_xmlrpc.methods import media, taxonomies
from wordpress_xmlrpc.methods.users import GetUsersBlogs

from bridge.network.xmlrpc_answers import DocumentTypeFound, read_values
from bridge.network.xmlrpc_library import Client, Options, PostIds, PostTypes, Roles

METHODS = {
    "mt.supportedMethods": "init_client",
    "wp.getOptions": "getOptions_all",
    "wp.getPosts": "getPosts",
    "wp.getPostTypes": "getPostTypes",
    "wp.getUsers": "getUsers",
    "wp.getUsersBlogs": "getUsersBlogs",
    "wp.getMediaLibrary": "getMediaLibrary",
    "wp.getTaxonomies": "getTaxonomies",
}


class Replay(Transport):
    """Answers each method with what was recorded of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        found = (json.loads(path.read_text()) for path in folder.glob("patched_*.json"))
        self._recorded = {
            each["name"]: each["response_xml"].encode()
            for each in found
            if (each["site"], each["user"]) == ("/site1/", "super+app")
        }

    def request(self, host: Any, handler: Any, request_body: Any, verbose: bool = False) -> Any:
        method = next(name for name in METHODS if f"<methodName>{name}<".encode() in request_body)
        return read_values(self._recorded[METHODS[method]])


def main(folder: Path) -> None:
    client = Client("http://n/xmlrpc.php", "user", "secret", transport=Replay(folder))
    entries = client.call(PostIds("post", statuses=["publish"], number=9, offset=0))
    members = client.call(Roles(number=9, offset=0))
    options = {option.name: option.value for option in client.call(Options())}
    document_type = b"<!DOCTYPE x [<!ENTITY a 'b'>]>"
    call = dumps((1,), methodresponse=True).encode()
    try:
        read_values(document_type + call.partition(b"?>")[2])
        refused = False
    except DocumentTypeFound:
        refused = True
    print(
        json.dumps(
            {
                "python": list(sys.version_info[:2]),
                "title": options["blog_title"],
                "posts": len(entries),
                "roles": [member.roles for member in members],
                "types": sorted(client.call(PostTypes())),
                "blogs": len(client.call(GetUsersBlogs())),
                "media": len(client.call(media.GetMediaLibrary({}))),
                "taxonomies": len(client.call(taxonomies.GetTaxonomies())),
                "document type refused": refused,
                "standard library untouched": not hasattr(collections, "Iterable"),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
