"""FastAPI behind Mangum, as their documentation shows."""
# It is measured as it is: neither typed nor tidied.
# mypy: ignore-errors
# ruff: noqa

import uuid
from datetime import datetime, timezone

import boto3
from fastapi import FastAPI, HTTPException
from mangum import Mangum
from pydantic import BaseModel, Field

app = FastAPI()
table = boto3.resource("dynamodb").Table("flat")


class Todo(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    done: bool = False
    priority: int = Field(default=3, ge=1, le=5)
    tags: list[str] = Field(default=[], max_length=20)


class StoredTodo(Todo):
    id: str
    createdAt: str
    updatedAt: str


@app.post("/items", status_code=201)
def create_todo(todo: Todo) -> StoredTodo:
    now = datetime.now(timezone.utc).isoformat()
    stored = StoredTodo(id=str(uuid.uuid4()), createdAt=now, updatedAt=now, **todo.model_dump())
    table.put_item(Item=stored.model_dump())
    return stored


@app.get("/items/{id}")
def get_todo(id: str) -> StoredTodo:
    found = table.get_item(Key={"id": id})
    if "Item" not in found:
        raise HTTPException(404, "Not found")
    return StoredTodo(**found["Item"])


lambda_handler = Mangum(app, lifespan="off")
