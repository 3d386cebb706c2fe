"""Values people type that more than one model keeps, checked with a clear message."""

import ipaddress
import re
import zoneinfo

import phonenumbers
from django.core.exceptions import ValidationError

_HOST_NAME = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+")


def validate_time_zone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"“{value}” is not a time zone. Use an IANA name such as Europe/London.")


def validate_region(value: str) -> None:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError(f"“{value}” is not a region. Use two capital letters such as GB or US.")


def validate_host(value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not _HOST_NAME.fullmatch(value):
            raise ValidationError(f"“{value}” is neither an IP address nor a host name.") from None


def validate_ip_address(value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValidationError(f"“{value}” is not an IP address to listen on. Use 0.0.0.0 for all.") from None


def networks(value: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks of an allow-list: IP addresses or CIDR ranges, separated by commas, spaces or lines.

    Raises ValueError, naming the entry that is neither.
    """
    return [ipaddress.ip_network(entry, strict=False) for entry in re.split(r"[\s,;]+", value) if entry]


def validate_allow_list(value: str) -> None:
    try:
        networks(value)
    except ValueError as error:
        raise ValidationError(f"{error}. Use addresses such as 10.1.2.3 or ranges such as 10.1.0.0/16.") from None


def validate_padding(value: str) -> None:
    if len(value) != 1 or not value.isascii() or not value.isprintable():
        raise ValidationError("The padding is exactly one printable ASCII character, such as 0 or *.")
