"""Errors of signing in."""

from chalicelib.kernel.errors import HearthError


class AuthorizationPending(HearthError):
    code, status = "AUTHORIZATION_PENDING", 400  # RFC 8628, section 3.5, as are the next three
    sentence = "The user has not approved this device yet; ask again after a while."


class SlowDown(HearthError):
    code, status = "SLOW_DOWN", 400
    sentence = "This asks too often; wait five seconds more between two questions from now on."


class AccessDenied(HearthError):
    code, status = "ACCESS_DENIED", 400
    sentence = "The sign-in was refused, or what it was approved with has changed; begin anew."


class ExpiredToken(HearthError):
    code, status = "EXPIRED_TOKEN", 400
    sentence = "This device code is not valid any more; begin anew."


class InvalidCredentials(HearthError):
    code, status = "INVALID_CREDENTIALS", 401
    sentence = "The e-mail address or the password is wrong."


class EmailNotVerified(HearthError):
    code, status = "EMAIL_NOT_VERIFIED", 403
    sentence = "Verify your e-mail address first; a new link can be requested."
