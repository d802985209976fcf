"""The types of items, generated from schemas/ by `make types`: change the schemas instead."""

# Descriptions in the schemas can be long.
# ruff: noqa: E501
# fmt: off
from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any, Literal, NotRequired


class Booking(TypedDict):
    """An item of schemas/booking.json."""

    room: str
    arrival: str
    departure: str
    guests: NotRequired[int]
    price: int | Decimal
    status: Literal["booked", "cancelled", "stayed"]


class Customer(TypedDict):
    """An item of schemas/customer.json."""

    firstName: str
    lastName: str
    email: str
    phone: NotRequired[str]
    address: NotRequired[Any]


class Guest(TypedDict):
    """An item of schemas/guest.json."""

    guest: str


class Movie(TypedDict):
    """An item of schemas/movie.json."""

    title: str
    year: NotRequired[str]


class Night(TypedDict):
    """An item of schemas/night.json."""

    booking: str


class Note(TypedDict):
    """An item of schemas/note.json."""

    title: str
    text: NotRequired[str]
    tag: NotRequired[str]
    pinned: NotRequired[bool]


class Notice(TypedDict):
    """An item of schemas/notice.json."""

    booking: str
    text: str


class Order(TypedDict):
    """An item of schemas/order.json."""

    userId: NotRequired[str]
    productId: NotRequired[str]
    quantity: int
    status: Literal["open", "paid", "shipped", "cancelled"]


class Product(TypedDict):
    """An item of schemas/product.json."""

    name: str
    description: NotRequired[str]
    price: NotRequired[int | Decimal]
    rating: NotRequired[int | Decimal]
    tags: NotRequired[list[str]]


class Project(TypedDict):
    """An item of schemas/project.json."""

    name: str
    status: NotRequired[Literal["active", "paused", "finished"]]
    internalNotes: NotRequired[str]


class Room(TypedDict):
    """An item of schemas/room.json."""

    name: str
    beds: int
    rate: int | Decimal


class Task(TypedDict):
    """An item of schemas/task.json."""

    projectId: str
    title: str
    dueDate: NotRequired[str]
    done: NotRequired[bool]


class Todo(TypedDict):
    """An item of schemas/todo.json."""

    title: str
    description: NotRequired[str]
    completed: NotRequired[bool]


class User(TypedDict):
    """An item of schemas/user.json."""

    name: str
    email: NotRequired[str]
