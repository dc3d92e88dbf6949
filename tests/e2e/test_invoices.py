"""An invoice on the local cloud: its Lambda makes it, the bucket stores it, a signed link gives it."""

import httpx
import pypdfium2
import pytest

from dev.demo.client import Client
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")


def test_an_invoice_and_an_export_can_be_downloaded(cloud: LocalCloud, owner: Client) -> None:
    visitor = cloud.visitor()
    customer = cloud.registered("Ada Lovelace").sign_in(visitor)
    customer_id = customer.get("/me").data["currentCustomerId"]
    credit = {"amount": "25.00", "reason": "Welcome to Hearth"}
    assert owner.post(f"/v1/admin/customers/{customer_id}/credits", credit).status == 201
    made = owner.post(f"/v1/admin/customers/{customer_id}/invoices", {"reason": "For the test"}).data
    shown = customer.get(f"/billing/invoices/{made['id']}").data
    assert shown["closingBalance"]["amount"] == "25.00"
    downloads = [httpx.get(customer.get(f"/billing/invoices/{made['id']}").data["pdfUrl"]) for _ in range(2)]
    for download in downloads:
        assert (download.status_code, download.headers["Content-Type"]) == (200, "application/pdf")
        text = pypdfium2.PdfDocument(download.content)[0].get_textpage().get_text_range()
        assert shown["number"] in text
        assert "Welcome to Hearth" in text
    assert downloads[0].content == downloads[1].content
    export = httpx.get(customer.get("/billing/ledger/export", format="beancount").data["url"])
    assert "Assets:Prepaid  25.000000 USD" in export.text
