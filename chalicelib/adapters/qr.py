"""`QrCodes` with Segno, which is pure Python without dependencies."""

import io


class SegnoQrCodes:
    """Draws QR codes for scanning from a screen: 15 % of a code may be unreadable (error correction M)."""

    def svg(self, text: str) -> str:
        """See `QrCodes.svg`."""
        import segno

        drawn = io.BytesIO()
        code = segno.make_qr(text, error="m", boost_error=False)
        code.save(drawn, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False, nl=False)
        return drawn.getvalue().decode()
