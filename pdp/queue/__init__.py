"""The queues of requests, for approvers and for connected authorization servers."""
